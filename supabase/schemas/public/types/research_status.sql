CREATE TYPE "public"."research_status" AS ENUM (
  'pending',
  'running',
  'completed',
  'failed'
);
