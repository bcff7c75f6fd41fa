import type { User } from '@supabase/supabase-js';
import type { DatabaseClient } from '../../services/database.ts';
import type { SignOutScope } from './supabase.ts';
import { createContext, useContext } from 'react';

export interface Session {
  supabase: DatabaseClient;
  user: User;
  isOperator: boolean;
  /** Answers why the other sessions could not be ended: then this one goes on too. */
  signOut: (scope: SignOutScope) => Promise<Error | null>;
}

export const SessionContext = createContext<Session | null>(null);

/** The signed-in person. Only what is rendered inside the signed-in part of the page may ask. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (session === null) throw new Error('used outside the signed-in part of the page');
  return session;
}
