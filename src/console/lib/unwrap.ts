import type { Answer } from '../../services/answer.ts';

/** Services answer `{data, error}`; queries want a value or a throw. What is thrown has the error's members (errors.ts). */
export async function unwrap<T>(answer: PromiseLike<Answer<T>>): Promise<T> {
  const { data, error } = await answer;
  if (error !== null) throw Object.assign(new Error(error.message), error);
  return data;
}
