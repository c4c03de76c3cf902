ALTER TABLE "network" ADD COLUMN "mode" text DEFAULT 'enforce' NOT NULL;--> statement-breakpoint
ALTER TABLE "network" ADD COLUMN "mode_until" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "network" ADD CONSTRAINT "network_mode" CHECK (mode in ('enforce', 'observe'));