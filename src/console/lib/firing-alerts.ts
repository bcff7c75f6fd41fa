import { createContext, useContext } from 'react';
import type { FiringAlert } from '../../contracts/console-status.ts';

/** The alerts that fire and are not silenced; none for owners. */
export const FiringAlerts = createContext<readonly FiringAlert[]>([]);

export function useFiringAlerts(): readonly FiringAlert[] {
  return useContext(FiringAlerts);
}
