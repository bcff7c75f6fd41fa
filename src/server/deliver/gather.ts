/**
 * Batches concurrent questions into one call. Questions asked during a call go into the next one: under load, few round trips
 * answer many questions; without load, none waits.
 * @param most maximum number of questions per call
 * @param callAll returns the answers in the order asked; if it fails, all its questions fail
 */
export function gather<Asked, Answer>(
  most: number,
  callAll: (asked: readonly Asked[]) => Promise<readonly Answer[]>,
): (asked: Asked) => Promise<Answer> {
  interface Waiting {
    asked: Asked;
    resolve: (answer: Answer) => void;
    reject: (error: unknown) => void;
  }
  const waiting: Waiting[] = [];
  let isCalling = false;

  async function callInTurn(): Promise<void> {
    isCalling = true;
    // Collects the questions of one turn of the event loop.
    await new Promise(setImmediate);
    while (waiting.length > 0) {
      const served = waiting.splice(0, most);
      try {
        const answers = await callAll(served.map(({ asked }) => asked));
        for (const [index, { resolve, reject }] of served.entries()) {
          const answer = answers[index];
          if (answer === undefined)
            reject(new Error(`asked for ${served.length}, answered ${answers.length}`));
          else resolve(answer);
        }
      } catch (error) {
        for (const { reject } of served) reject(error);
      }
    }
    isCalling = false;
  }

  return (asked) =>
    new Promise((resolve, reject) => {
      waiting.push({ asked, resolve, reject });
      if (!isCalling) void callInTurn();
    });
}
