CREATE SCHEMA "private";

GRANT USAGE ON SCHEMA "private" TO "authenticated";

COMMENT ON SCHEMA "private" IS 'Helpers of other SQL functions. Not exposed by the REST API.';
