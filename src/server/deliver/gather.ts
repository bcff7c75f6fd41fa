/**
 * One call for all that is asked at once, and for what is asked while a call is under way the next: under load few round
 * trips serve many, and alone nobody waits for others.
 * @param most asked for in one call
 * @param callAll answers each, in the order asked; when it fails, it fails for all of them
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
    // What the same turn of the event loop asks for goes together.
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
