CREATE TABLE "allow_entry" (
	"network_id" uuid NOT NULL,
	"source" "cidr" NOT NULL,
	"reason" text NOT NULL,
	"author" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"until_at" timestamp (3) with time zone,
	CONSTRAINT "allow_entry_network_id_source_pk" PRIMARY KEY("network_id","source")
);
--> statement-breakpoint
CREATE TABLE "block" (
	"network_id" uuid NOT NULL,
	"source" "cidr" NOT NULL,
	"tier" text NOT NULL,
	"reason" text NOT NULL,
	"author" text NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"until_at" timestamp (3) with time zone NOT NULL,
	"removed_at" timestamp (3) with time zone,
	"version" bigint NOT NULL,
	CONSTRAINT "block_network_id_source_pk" PRIMARY KEY("network_id","source"),
	CONSTRAINT "block_tier" CHECK (tier in ('held', 'dropped'))
);
--> statement-breakpoint
CREATE TABLE "collector_key" (
	"thumbprint" text PRIMARY KEY NOT NULL,
	"collector_id" uuid NOT NULL,
	"private_jwk" jsonb NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"retired_at" timestamp (3) with time zone
);
--> statement-breakpoint
CREATE TABLE "digest" (
	"network_id" uuid NOT NULL,
	"hour" timestamp (3) with time zone NOT NULL,
	"facts" jsonb NOT NULL,
	"list_version" bigint NOT NULL,
	"message_id" text NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"lease_until" timestamp (3) with time zone NOT NULL,
	"sent_at" timestamp (3) with time zone,
	"last_error" text,
	CONSTRAINT "digest_network_id_hour_pk" PRIMARY KEY("network_id","hour")
);
--> statement-breakpoint
CREATE TABLE "host" (
	"network_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"name" text NOT NULL,
	"os" text NOT NULL,
	"arch" text NOT NULL,
	"agent_version" text NOT NULL,
	"addresses" "inet"[] DEFAULT '{}' NOT NULL,
	"status" jsonb,
	"status_at" timestamp (3) with time zone,
	"enrolled_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"last_seen_at" timestamp (3) with time zone,
	"withdrawn_at" timestamp (3) with time zone,
	CONSTRAINT "host_network_id_id_pk" PRIMARY KEY("network_id","id")
);
--> statement-breakpoint
CREATE TABLE "host_key" (
	"network_id" uuid NOT NULL,
	"thumbprint" text NOT NULL,
	"host_id" uuid NOT NULL,
	"public_jwk" jsonb NOT NULL,
	"valid_from" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"valid_until" timestamp (3) with time zone,
	CONSTRAINT "host_key_network_id_thumbprint_pk" PRIMARY KEY("network_id","thumbprint")
);
--> statement-breakpoint
CREATE TABLE "join_token" (
	"network_id" uuid NOT NULL,
	"token_hash" "bytea" NOT NULL,
	"max_uses" integer NOT NULL,
	"uses" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	"withdrawn_at" timestamp (3) with time zone,
	CONSTRAINT "join_token_network_id_token_hash_pk" PRIMARY KEY("network_id","token_hash"),
	CONSTRAINT "join_token_uses" CHECK (uses between 0 and max_uses)
);
--> statement-breakpoint
CREATE TABLE "network" (
	"id" uuid PRIMARY KEY NOT NULL,
	"name" text NOT NULL,
	"recipients" text[] NOT NULL,
	"zone" text DEFAULT 'UTC' NOT NULL,
	"list_version" bigint DEFAULT 0 NOT NULL,
	"list_epoch" uuid NOT NULL,
	"created_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "network_name_unique" UNIQUE("name")
);
--> statement-breakpoint
CREATE TABLE "received_batch" (
	"network_id" uuid NOT NULL,
	"host_id" uuid NOT NULL,
	"jti" uuid NOT NULL,
	"received_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	"token" text NOT NULL,
	CONSTRAINT "received_batch_network_id_host_id_jti_pk" PRIMARY KEY("network_id","host_id","jti")
) PARTITION BY RANGE ("jti");
--> statement-breakpoint
DO $$ BEGIN
	-- lz4 compresses several times faster than pglz, but a server may have been built without it.
	IF 'lz4' = ANY (SELECT unnest(enumvals) FROM pg_settings WHERE name = 'default_toast_compression') THEN
		ALTER TABLE "received_batch" ALTER COLUMN "token" SET COMPRESSION lz4;
	END IF;
END $$;
--> statement-breakpoint
CREATE TABLE "sighting" (
	"network_id" uuid NOT NULL,
	"host_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"rev" integer NOT NULL,
	"source" "cidr" NOT NULL,
	"address" "inet" NOT NULL,
	"local_address" "inet" NOT NULL,
	"techniques" jsonb NOT NULL,
	"ports" jsonb NOT NULL,
	"port_count" bigint NOT NULL,
	"first_at" timestamp (3) with time zone NOT NULL,
	"last_at" timestamp (3) with time zone NOT NULL,
	"evidence" text NOT NULL,
	"successes" bigint NOT NULL,
	"tripped_at" timestamp (3) with time zone,
	"block" jsonb,
	"news_rev" integer NOT NULL,
	"told_rev" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "sighting_network_id_host_id_id_pk" PRIMARY KEY("network_id","host_id","id"),
	CONSTRAINT "sighting_evidence" CHECK (evidence in ('handshake', 'forgeable')),
	CONSTRAINT "sighting_revs" CHECK (news_rev between 1 and rev and told_rev between 0 and rev)
);
--> statement-breakpoint
CREATE TABLE "source" (
	"network_id" uuid NOT NULL,
	"source" "cidr" NOT NULL,
	"first_at" timestamp (3) with time zone NOT NULL,
	"last_at" timestamp (3) with time zone NOT NULL,
	"blocks" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "source_network_id_source_pk" PRIMARY KEY("network_id","source")
);
--> statement-breakpoint
CREATE TABLE "source_host" (
	"network_id" uuid NOT NULL,
	"source" "cidr" NOT NULL,
	"host_id" uuid NOT NULL,
	"first_at" timestamp (3) with time zone NOT NULL,
	"last_at" timestamp (3) with time zone NOT NULL,
	"tripped_at" timestamp (3) with time zone,
	"handshake_at" timestamp (3) with time zone,
	"cleared_at" timestamp (3) with time zone,
	CONSTRAINT "source_host_network_id_source_host_id_pk" PRIMARY KEY("network_id","source","host_id")
);
--> statement-breakpoint
ALTER TABLE "allow_entry" ADD CONSTRAINT "allow_entry_network_id_network_id_fk" FOREIGN KEY ("network_id") REFERENCES "public"."network"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "block" ADD CONSTRAINT "block_network_id_network_id_fk" FOREIGN KEY ("network_id") REFERENCES "public"."network"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "digest" ADD CONSTRAINT "digest_network_id_network_id_fk" FOREIGN KEY ("network_id") REFERENCES "public"."network"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "host" ADD CONSTRAINT "host_network_id_network_id_fk" FOREIGN KEY ("network_id") REFERENCES "public"."network"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "host_key" ADD CONSTRAINT "host_key_network_id_host_id_host_network_id_id_fk" FOREIGN KEY ("network_id","host_id") REFERENCES "public"."host"("network_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "join_token" ADD CONSTRAINT "join_token_network_id_network_id_fk" FOREIGN KEY ("network_id") REFERENCES "public"."network"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "sighting" ADD CONSTRAINT "sighting_network_id_host_id_host_network_id_id_fk" FOREIGN KEY ("network_id","host_id") REFERENCES "public"."host"("network_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "source" ADD CONSTRAINT "source_network_id_network_id_fk" FOREIGN KEY ("network_id") REFERENCES "public"."network"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "source_host" ADD CONSTRAINT "source_host_network_id_source_source_network_id_source_fk" FOREIGN KEY ("network_id","source") REFERENCES "public"."source"("network_id","source") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "source_host" ADD CONSTRAINT "source_host_network_id_host_id_host_network_id_id_fk" FOREIGN KEY ("network_id","host_id") REFERENCES "public"."host"("network_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "block_by_version" ON "block" USING btree ("network_id","version");--> statement-breakpoint
CREATE INDEX "block_by_end" ON "block" USING btree ("network_id","until_at") WHERE removed_at is null;--> statement-breakpoint
CREATE INDEX "digest_unsent" ON "digest" USING btree ("lease_until") WHERE sent_at is null;--> statement-breakpoint
CREATE INDEX "sighting_by_source" ON "sighting" USING btree ("network_id","source");--> statement-breakpoint
CREATE INDEX "sighting_untold" ON "sighting" USING btree ("network_id") WHERE told_rev < news_rev;--> statement-breakpoint
-- Room on each page for new versions of its rows: what is updated often then changes in place (HOT), without its indexes.
ALTER TABLE "network" SET (fillfactor = 50);--> statement-breakpoint
ALTER TABLE "host" SET (fillfactor = 70);--> statement-breakpoint
ALTER TABLE "sighting" SET (fillfactor = 85);--> statement-breakpoint
ALTER TABLE "source" SET (fillfactor = 85);--> statement-breakpoint
ALTER TABLE "source_host" SET (fillfactor = 85);
