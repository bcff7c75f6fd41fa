import { useQuery } from '@tanstack/react-query';
import { actorsQuery } from '../lib/operator-queries.ts';
import { useSession } from '../lib/session.ts';

/** A function that names who an id in the audit is: an e-mail address, else the beginning of the id. For operators' views. */
export function useActorNames(): (id: string) => string {
  const { supabase, isOperator } = useSession();
  const { data } = useQuery({ ...actorsQuery(supabase), enabled: isOperator });
  return (id) => {
    if (id === 'cron') return 'the cron';
    if (id === 'sender') return 'senders of webhooks';
    if (id === 'pipeline') return 'the pipeline';
    return data?.find((each) => each.id === id)?.email ?? `${id.slice(0, 8)}…`;
  };
}

/** Who an id is, with the id itself on hover. */
export function ActorName({ id }: { id: string }) {
  const nameOf = useActorNames();
  return (
    <span className="foreign" title={id}>
      {nameOf(id)}
    </span>
  );
}
