import type { Seats } from './seats.ts';

export type Setting = readonly [name: string, value: string];

/** Returns the settings of a role that the REST layer can switch to. */
export type RoleSettings = (role: string) => Promise<readonly Setting[]>;

/**
 * Reads the settings of all roles that `authenticator` may switch to, once, as PostgREST does (Config/Database.hs): `set
 * role` does not apply a role's settings.
 */
export function createRoleSettings(seats: Seats): RoleSettings {
  let known: Promise<Map<string, Setting[]>> | undefined;
  async function read(): Promise<Map<string, Setting[]>> {
    const seat = await seats.take();
    try {
      const rows = await seat.sql<{ role: string; setting: string }[]>`
        select granted.rolname as role, config as setting
        from pg_auth_members member
        join pg_roles granted on granted.oid = member.roleid
        cross join unnest(granted.rolconfig) config
        join pg_settings parameter on parameter.name = split_part(config, '=', 1)
        where member.member = (select oid from pg_roles where rolname = current_user)
          and (parameter.context = 'user' or has_parameter_privilege(current_user, parameter.name, 'set'))`;
      const found = new Map<string, Setting[]>();
      for (const { role, setting } of rows) {
        found.set(role, [...(found.get(role) ?? []), parseSetting(setting)]);
      }
      return found;
    } finally {
      seats.leave(seat);
    }
  }
  return async (role) => {
    known ??= read();
    try {
      return (await known).get(role) ?? [];
    } catch (error) {
      known = undefined;
      throw error;
    }
  };
}

/** Parses the catalogue's form `name=value`. */
export function parseSetting(text: string): Setting {
  const end = text.indexOf('=');
  return [text.slice(0, end), text.slice(end + 1)];
}
