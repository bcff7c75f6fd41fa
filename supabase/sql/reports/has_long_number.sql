create or replace function private.has_long_number(p_value jsonb)
returns boolean
language plpgsql immutable set search_path = '' as $$
begin
  -- An ordinary number needs only two comparisons, which are most of this function's cost.
  return jsonb_path_exists(p_value,
    'strict $.** ? (@.type() == "number" && (@ >= 1e64 || @ < 1e-64 && @ != 0 && (@ > -1e-64 || @ <= -1e64)))');
end
$$;

comment on function private.has_long_number(jsonb) is
  'Whether a number in it prints as much more than it weighs: 1e131071 has eight characters, and 131,072 when it is printed. Asked before anything prints a value that others have written.';
revoke all on function private.has_long_number(jsonb) from public, anon, authenticated, service_role;
