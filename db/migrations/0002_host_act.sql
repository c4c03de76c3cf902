CREATE TABLE "host_act" (
	"network_id" uuid NOT NULL,
	"host_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"act" text NOT NULL,
	"source" "cidr" NOT NULL,
	"at" timestamp (3) with time zone NOT NULL,
	"until_at" timestamp (3) with time zone,
	"author" text NOT NULL,
	"is_told" boolean DEFAULT false NOT NULL,
	CONSTRAINT "host_act_network_id_host_id_id_pk" PRIMARY KEY("network_id","host_id","id"),
	CONSTRAINT "host_act_kind" CHECK (act in ('block', 'unblock', 'allow', 'disallow'))
);
--> statement-breakpoint
ALTER TABLE "host_act" ADD CONSTRAINT "host_act_network_id_host_id_host_network_id_id_fk" FOREIGN KEY ("network_id","host_id") REFERENCES "public"."host"("network_id","id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "host_act_untold" ON "host_act" USING btree ("network_id") WHERE not is_told;