ALTER TABLE "network" ADD COLUMN "last_host_no" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "host" ADD COLUMN "no" integer;--> statement-breakpoint
UPDATE "host" h SET "no" = n."no" FROM (
	SELECT "network_id", "id", row_number() OVER (PARTITION BY "network_id" ORDER BY "enrolled_at", "id") AS "no" FROM "host"
) n WHERE n."network_id" = h."network_id" AND n."id" = h."id";--> statement-breakpoint
ALTER TABLE "host" ALTER COLUMN "no" SET NOT NULL;--> statement-breakpoint
UPDATE "network" n SET "last_host_no" = coalesce((SELECT max("no") FROM "host" h WHERE h."network_id" = n."id"), 0);--> statement-breakpoint
CREATE UNIQUE INDEX "host_by_no" ON "host" USING btree ("network_id","no");--> statement-breakpoint
ALTER TABLE "block" ADD COLUMN "times" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
UPDATE "block" b SET "times" = greatest(1, s."blocks") FROM "source" s WHERE s."network_id" = b."network_id" AND s."source" = b."source" AND s."blocks" > 1;--> statement-breakpoint
-- What packs a token is the collector's; form 0 is the token itself. Each partition follows its parent.
ALTER TABLE "received_batch" ALTER COLUMN "token" TYPE bytea USING '\x00'::bytea || convert_to("token", 'UTF8');--> statement-breakpoint
ALTER TABLE "received_batch" RENAME COLUMN "token" TO "packed";--> statement-breakpoint
-- Packed is compressed: the server need not try again.
ALTER TABLE "received_batch" ALTER COLUMN "packed" SET STORAGE EXTERNAL;--> statement-breakpoint
ALTER TABLE "source_host" DROP CONSTRAINT "source_host_network_id_source_source_network_id_source_fk";--> statement-breakpoint
ALTER TABLE "source_host" ALTER COLUMN "first_at" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "source_host" ALTER COLUMN "last_at" DROP NOT NULL;--> statement-breakpoint
ALTER TABLE "source_host" ADD COLUMN "client_at" timestamp (3) with time zone;--> statement-breakpoint
UPDATE "source_host" sh SET "client_at" = least(c."client_at", sh."last_at") FROM (
	SELECT "network_id", "source", "host_id", max("last_at") AS "client_at" FROM "sighting" WHERE "successes" > 0 GROUP BY 1, 2, 3
) c WHERE c."network_id" = sh."network_id" AND c."source" = sh."source" AND c."host_id" = sh."host_id";--> statement-breakpoint
DROP TABLE "source";--> statement-breakpoint
ALTER TABLE "sighting" RENAME TO "sighting_before";--> statement-breakpoint
ALTER TABLE "sighting_before" DROP CONSTRAINT "sighting_network_id_host_id_id_pk", DROP CONSTRAINT "sighting_network_id_host_id_host_network_id_id_fk";--> statement-breakpoint
DROP INDEX "sighting_by_source";--> statement-breakpoint
DROP INDEX "sighting_untold";--> statement-breakpoint
CREATE TABLE "sighting" (
	"first_at" timestamp (3) with time zone NOT NULL,
	"last_at" timestamp (3) with time zone NOT NULL,
	"tripped_at" timestamp (3) with time zone,
	"block_at" timestamp (3) with time zone,
	"block_until" timestamp (3) with time zone,
	"block_dropped" bigint,
	"host_no" integer NOT NULL,
	"rev" integer NOT NULL,
	"news_rev" integer NOT NULL,
	"told_rev" integer DEFAULT 0 NOT NULL,
	"port_count" integer NOT NULL,
	"successes" integer NOT NULL,
	"network_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"is_proven" boolean NOT NULL,
	"is_aside" boolean DEFAULT false NOT NULL,
	"source" "cidr" NOT NULL,
	"address" "inet" NOT NULL,
	"local_address" "inet" NOT NULL,
	"techniques" text NOT NULL,
	"ports" text NOT NULL,
	"block_how" text,
	CONSTRAINT "sighting_network_id_source_host_no_id_pk" PRIMARY KEY("network_id","source","host_no","id"),
	CONSTRAINT "sighting_revs" CHECK (news_rev between 1 and rev and told_rev between 0 and rev)
) PARTITION BY RANGE ("id");--> statement-breakpoint
CREATE INDEX "sighting_untold" ON "sighting" USING btree ("network_id") WHERE told_rev < news_rev;--> statement-breakpoint
-- Days without a partition, of clocks that are wrong. The days' own are made, and filled from here, when the collector starts.
CREATE TABLE "sighting_other" PARTITION OF "sighting" DEFAULT;--> statement-breakpoint
INSERT INTO "sighting" ("first_at", "last_at", "tripped_at", "block_at", "block_until", "block_dropped", "host_no", "rev", "news_rev", "told_rev", "port_count", "successes", "network_id", "id", "is_proven", "source", "address", "local_address", "techniques", "ports", "block_how")
SELECT s."first_at", s."last_at", s."tripped_at",
	to_timestamp((s."block" ->> 'atMs')::numeric / 1000), to_timestamp((s."block" ->> 'untilMs')::numeric / 1000),
	(s."block" ->> 'droppedPackets')::bigint,
	h."no", s."rev", s."news_rev", s."told_rev", least(s."port_count", 2147483647), least(s."successes", 2147483647),
	s."network_id", s."id", s."evidence" = 'handshake', s."source", s."address", s."local_address",
	coalesce((SELECT string_agg(t.key || '=' || t.value, ' ' ORDER BY t.key COLLATE "C") FROM jsonb_each_text(s."techniques") t), ''),
	coalesce((SELECT string_agg(p.transport || ':' || p.list, ' ' ORDER BY p.place) FROM (
		SELECT t.transport, t.place, string_agg(CASE WHEN r.value ->> 0 = r.value ->> 1 THEN r.value ->> 0 ELSE (r.value ->> 0) || '-' || (r.value ->> 1) END, ',' ORDER BY r.ordinality) AS list
		FROM (VALUES ('tcp', 1), ('udp', 2), ('sctp', 3), ('ip', 4)) AS t(transport, place)
		CROSS JOIN LATERAL jsonb_array_elements(s."ports" -> t.transport) WITH ORDINALITY r
		GROUP BY 1, 2) p), ''),
	CASE WHEN s."block" IS NOT NULL THEN concat_ws(' ', s."block" ->> 'tier', replace(s."block" ->> 'engine', ' ', '_'), replace(s."block" ->> 'backend', ' ', '_'),
		CASE WHEN (s."block" ->> 'enforced')::boolean THEN 'enforced' END) END
FROM "sighting_before" s JOIN "host" h ON h."network_id" = s."network_id" AND h."id" = s."host_id";--> statement-breakpoint
DROP TABLE "sighting_before";
