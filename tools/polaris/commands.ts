import type { Command } from './command.ts';
import { endpointsCommand } from './endpoints.ts';
import { eraseCommand } from './erase.ts';
import { probeCommand } from './probe.ts';
import { replayCommand } from './replay.ts';
import { signInCommand, signOutCommand } from './sign-in.ts';
import { traceCommand } from './trace.ts';

export const COMMANDS: Readonly<Record<string, Command>> = {
  'sign-in': signInCommand,
  'sign-out': signOutCommand,
  trace: traceCommand,
  probe: probeCommand,
  endpoints: endpointsCommand,
  replay: replayCommand,
  erase: eraseCommand,
};
