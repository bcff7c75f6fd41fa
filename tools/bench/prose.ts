/** From the most frequent word to the rarest in texts about training needs. */
const WORDS =
  `the of and to in a is that for their with on as are it by this be not or from at have which an they
  team teams learning more can was people work has will new one when who than each need needs skills training but other should
  these also time most our been about into what where managers would some two its how only many if there both between
  first after those during report members said because through course courses few often while over three own program survey
  support might practice knowledge without less well before were managers' questions month week role roles asked feedback part
  better used data customer customers every hours quarter project projects sessions interviews change changes goals coaching
  mentors mentoring onboarding answers staff level levels results findings content under group groups still process tools online
  leaders experience same tasks leadership several workshop workshops materials short half quality workload budget against
  company department engineers sales plan plans current problem problems early clear until long small large common shared reviews
  skill gap gaps method methods regional follow year years offered found shows suggests expect expected within above below
  evidence priority priorities outcome outcomes measure measures measured progress confidence technical digital remote office
  communication collaboration conflict delegation negotiation presentation analysis planning security compliance safety
  reporting automation spreadsheets dashboards documentation handover shift shifts supervisor apprentices newcomers colleagues
  external internal partner suppliers warehouse harbour logistics maintenance production laboratory finance procurement
  recruiting service desk region languages translation assessment certificate certificates exam modules curriculum trainer
  trainers facilitator classroom blended video podcasts simulation peer observation reflection portfolio journal motivation
  autonomy trust absence turnover retention engagement wellbeing interruptions deadlines meetings mornings Thursday autumn
  recommend recommended recommendation pilot rollout evaluate evaluation threshold baseline benchmark average median share
  percent respondents sample limitations assumption risk risks dependency constraints alternative estimate estimates cost
  effort duration milestone owner sponsor stakeholder steering committee decision approve approved postponed revised scope`
    .split(/\s+/)
    .filter((word) => word !== '');

/** Phrases that such texts repeat. Repetition is much of what makes them compressible. */
const PHRASES = [
  'of the learning team',
  'in the last twelve months',
  'most of the people asked said that',
  'training on the job',
  'the skills that the role needs',
  'less than once a quarter',
  'feedback from their managers',
  'as the survey of the region shows',
];
const PHRASE_SHARE = 0.09;

const HEADINGS = ['Summary', 'What was asked', 'Findings', 'Gaps', 'Recommendations', 'Next steps', 'Risks'];

/** Longer than the longest text, so that texts can be cut from many places. */
const POOL_BYTES = 1024 * 1024;

/** Word frequencies fall with the rank (Zipf and Mandelbrot), as in any language. */
const CUMULATIVE = WORDS.reduce<number[]>((sums, _, rank) => {
  sums.push((sums.at(-1) ?? 0) + 1 / (rank + 2.7));
  return sums;
}, []);

/** Pseudo-random numbers from 0 to below 1, the same in each run (linear congruential generator of Numerical Recipes). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

function writePool(): string {
  const random = randomNumbers(7);
  const upTo = (most: number) => Math.floor(random() * most);
  const total = CUMULATIVE.at(-1) ?? 0;
  const word = () => {
    const point = random() * total;
    let low = 0;
    let high = CUMULATIVE.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((CUMULATIVE[middle] ?? total) < point) low = middle + 1;
      else high = middle;
    }
    return WORDS[low] ?? '';
  };
  const next = () => (random() < PHRASE_SHARE ? (PHRASES[upTo(PHRASES.length)] ?? '') : word());
  const sentence = () => {
    let text = word();
    for (let left = 5 + upTo(14); left > 0; left -= 1) {
      const number = random();
      text += number < 0.06 ? `, ${next()}` : number < 0.07 ? ` ${upTo(100)} percent` : ` ${next()}`;
    }
    return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
  };
  const sentences = () => Array.from({ length: 2 + upTo(5) }, sentence).join(' ');
  const parts: string[] = [];
  for (let length = 0; length < POOL_BYTES; length += parts.at(-1)?.length ?? 0) {
    const kind = random();
    if (kind < 0.12) parts.push(`## ${HEADINGS[upTo(HEADINGS.length)] ?? ''}\n\n`);
    else if (kind < 0.25) parts.push(`${Array.from({ length: 3 }, () => `- ${sentence()}`).join('\n')}\n\n`);
    else parts.push(`${sentences()}\n\n`);
  }
  return parts.join('').slice(0, POOL_BYTES);
}

let pool: string | undefined;

/**
 * Markdown prose in ASCII whose compression ratio is about that of a report. All texts are cut from one pool, each from
 * another place, so that a benchmark does not measure the making of its texts.
 */
export function prose(bytes: number, number: number): string {
  pool ??= writePool();
  // A prime step: texts of consecutive numbers do not overlap.
  const from = (number * 104_729) % Math.max(1, POOL_BYTES - bytes);
  const title = `# Report ${number}\n\n`;
  return title + pool.slice(from, from + bytes - title.length);
}
