import { parseArgs } from 'node:util';
import { getTraces } from '../../src/services/traces.ts';
import { answered } from './answered.ts';
import { onlyArgument, type Command } from './command.ts';
import { printTraces } from './print-trace.ts';
import { say } from './say.ts';
import { signedIn } from './session.ts';

export const traceCommand: Command = {
  forms: ['ID'],
  summary: 'shows the path of a request, by the id of a report, a job, an event or a trace',
  async run(args) {
    const id = onlyArgument('ID', parseArgs({ args, allowPositionals: true }).positionals);
    const { client } = await signedIn();
    say(...printTraces(await answered(getTraces(client, id))));
    return true;
  },
};
