import type { Node } from 'libpg-query';
import { nameOf, parseSql, type PlpgsqlBody } from '../parser.ts';

/** A dynamic statement whose text cannot be derived from constants. */
export class UnreadableError extends Error {
  override name = 'UnreadableError';
}

/** Branches multiply: ten optional conditions make 1024 texts. For more, see `combinations`. */
const MAX_TEXTS = 1024;

/** Marks the place of a null value in a text. PostgreSQL may never execute such a text. */
export const NULL_MARK = '\u0001';

/** All possible values of a text expression, null among them. Parts that depend on data are `x`. */
type Texts = (string | null)[];

interface Variables {
  /** All expressions that are assigned to a variable; undefined if not all of them are known. */
  get(name: string): string[] | undefined;
  has(name: string): boolean;
  /** Whether the variable is declared without a value. */
  isUnset(name: string): boolean;
}

export function variablesOf({ variables, unset }: PlpgsqlBody): Variables {
  return {
    get: (name) => variables.get(name),
    has: (name) => variables.has(name),
    isUnset: (name) => unset.has(name),
  };
}

/**
 * Derives the possible values of an expression from constants: `format()` with a constant text, `||`, `case`,
 * `concat_ws()`, and variables that only hold such values. Arguments of `%I` and `%L` cannot change the kind of a statement
 * (a name is read where it is known); those of `%s` can, and are read as well.
 * @throws {UnreadableError} naming the part that does not follow from constants
 */
export async function readTexts(text: string, variables: Variables): Promise<Texts> {
  return new Reader(variables).expression(text);
}

class Reader {
  readonly #variables: Variables;
  /** Variables being resolved, to detect one that depends on itself. */
  readonly #open: Set<string>;

  constructor(variables: Variables, open: ReadonlySet<string> = new Set()) {
    this.#variables = variables;
    this.#open = new Set(open);
  }

  async expression(text: string): Promise<Texts> {
    const { statements } = await parseSql(`select ${text}`);
    const select = statements[0]?.node;
    const targets = select && 'SelectStmt' in select ? (select.SelectStmt.targetList ?? []) : [];
    const [target] = targets;
    if (targets.length !== 1 || !target || !('ResTarget' in target) || !target.ResTarget.val) {
      throw new UnreadableError(`"${text}" is not one expression`);
    }
    return this.node(target.ResTarget.val);
  }

  async node(node: Node): Promise<Texts> {
    if ('A_Const' in node) {
      const { isnull, sval, ival } = node.A_Const;
      if (isnull) return [null];
      // The parse tree omits empty texts and zeros.
      if (sval) return [sval.sval ?? ''];
      if (ival) return [String(ival.ival ?? 0)];
    }
    if ('TypeCast' in node) return this.#cast(node.TypeCast);
    if ('A_Expr' in node && nameOf(node.A_Expr.name) === '||' && node.A_Expr.lexpr && node.A_Expr.rexpr) {
      const left = await this.node(node.A_Expr.lexpr);
      const right = await this.node(node.A_Expr.rexpr);
      return product([left, right], ([one, other]) =>
        typeof one === 'string' && typeof other === 'string' ? one + other : null,
      );
    }
    if ('CaseExpr' in node) {
      const branches: Texts = [];
      for (const when of node.CaseExpr.args ?? []) {
        if ('CaseWhen' in when && when.CaseWhen.result)
          branches.push(...(await this.node(when.CaseWhen.result)));
      }
      branches.push(...(node.CaseExpr.defresult ? await this.node(node.CaseExpr.defresult) : [null]));
      return distinct(branches);
    }
    if ('CoalesceExpr' in node) {
      const all = await Promise.all((node.CoalesceExpr.args ?? []).map((arg) => this.node(arg)));
      const last = all.at(-1) ?? [];
      return distinct(all.flat().filter((text) => text !== null || last.includes(null)));
    }
    if ('SubLink' in node) return this.#subselect(node.SubLink.subselect);
    if ('ColumnRef' in node) return this.#variable(nameOf(node.ColumnRef.fields));
    if ('FuncCall' in node) return this.#call(node.FuncCall);
    throw new UnreadableError(`an expression of the kind ${Object.keys(node).join()} is not a constant`);
  }

  async #cast({ arg, typeName }: { arg?: Node; typeName?: { names?: Node[] } }): Promise<Texts> {
    const type = nameOf(typeName?.names).replace(/^pg_catalog\./, '');
    // These types print their values as quoted identifiers.
    if (['regclass', 'regtype', 'regprocedure', 'regnamespace'].includes(type)) return ['x'];
    if (['int2', 'int4', 'int8'].includes(type)) return ['1'];
    if (['text', 'varchar'].includes(type) && arg) return this.node(arg);
    throw new UnreadableError(`a value of type ${type} can be any text`);
  }

  async #subselect(select: Node | undefined): Promise<Texts> {
    const targets = select && 'SelectStmt' in select ? (select.SelectStmt.targetList ?? []) : [];
    const [target] = targets;
    if (targets.length === 1 && target && 'ResTarget' in target && target.ResTarget.val) {
      // Without a row, the value is null.
      return distinct([...(await this.node(target.ResTarget.val)), null]);
    }
    throw new UnreadableError('a subselect of several columns is not a text');
  }

  async #variable(name: string): Promise<Texts> {
    const given = this.#variables.get(name);
    if (!this.#variables.has(name) || given === undefined) {
      throw new UnreadableError(`the value of "${name}" comes from data or from a caller`);
    }
    if (this.#open.has(name)) throw new UnreadableError(`"${name}" is made of itself`);
    const inner = new Reader(this.#variables, new Set([...this.#open, name]));
    const texts = await Promise.all(given.map((each) => inner.expression(each)));
    return distinct([...texts.flat(), ...(this.#variables.isUnset(name) ? [null] : [])]);
  }

  async #call({
    funcname,
    args = [],
    func_variadic,
  }: {
    funcname?: Node[];
    args?: Node[];
    func_variadic?: boolean;
  }) {
    const name = nameOf(funcname).replace(/^pg_catalog\./, '');
    if (func_variadic) throw new UnreadableError(`${name}(variadic …) takes any texts`);
    const [first, ...rest] = args;
    switch (name) {
      case 'quote_ident':
        return ['x'];
      case 'quote_literal':
      case 'quote_nullable':
        return [`'x'`];
      case 'unnest':
        if (first) return this.#elements(first);
        break;
      case 'string_agg':
        // All rows use the same expression: one row stands for all.
        if (first) return distinct([...(await this.node(first)), null]);
        break;
      case 'concat': {
        const parts = await Promise.all(args.map((arg) => this.node(arg)));
        return product(parts, (texts) => texts.join(''));
      }
      case 'concat_ws': {
        const parts = await Promise.all(args.map((arg) => this.node(arg)));
        return product(parts, ([separator, ...texts]) =>
          typeof separator === 'string' ? texts.filter((text) => text !== null).join(separator) : null,
        );
      }
      case 'format':
        if (first) return this.#format(await this.node(first), rest);
        break;
      default:
    }
    throw new UnreadableError(`${name}() can return any text`);
  }

  /** Elements of `array['a', 'b']`, `'{a,b}'::text[]`, or a `case` of those. */
  async #elements(node: Node): Promise<Texts> {
    if ('CaseExpr' in node) {
      const whens = (node.CaseExpr.args ?? []).map((when) =>
        'CaseWhen' in when ? when.CaseWhen.result : undefined,
      );
      const branches = [...whens, node.CaseExpr.defresult].filter((branch) => branch !== undefined);
      return distinct((await Promise.all(branches.map((branch) => this.#elements(branch)))).flat());
    }
    if ('A_ArrayExpr' in node) {
      const elements = await Promise.all((node.A_ArrayExpr.elements ?? []).map((each) => this.node(each)));
      return distinct(elements.flat());
    }
    if ('TypeCast' in node && node.TypeCast.arg) return this.#elements(node.TypeCast.arg);
    const literal = 'A_Const' in node ? (node.A_Const.sval?.sval ?? '') : '';
    const [, inner] = /^\{([^{}"\\]+)\}$/.exec(literal) ?? [];
    if (inner !== undefined) return inner.split(',').map((element) => element.trim());
    throw new UnreadableError('the elements of an array come from data or from a caller');
  }

  /** The name if it is known. Any name does, since names do not change the kind of a statement. */
  async #identifier(node: Node | undefined): Promise<Texts> {
    try {
      const names = node ? await this.node(node) : [];
      if (names.length > 0) return names.map((name) => `"${(name ?? 'x').replaceAll('"', '""')}"`);
    } catch (error) {
      if (!(error instanceof UnreadableError)) throw error;
    }
    return ['x'];
  }

  async #format(templates: Texts, args: readonly Node[]): Promise<Texts> {
    const results: Texts = [];
    for (const template of templates) {
      if (template === null) {
        results.push(null);
        continue;
      }
      const pieces: Texts[] = [];
      let next = 0;
      let end = 0;
      for (const match of template.matchAll(/%(?:(\d+)\$)?-?\d*([IsL%])/g)) {
        const [whole, position, kind] = match;
        pieces.push([template.slice(end, match.index)]);
        end = match.index + whole.length;
        if (kind === '%') {
          pieces.push(['%']);
          continue;
        }
        const index = position === undefined ? next : Number(position) - 1;
        next = index + 1;
        const arg = args[index];
        if (kind === 'I') pieces.push(distinct(await this.#identifier(arg)));
        else if (kind === 'L') pieces.push([`'x'`]);
        else if (arg) pieces.push(distinct((await this.node(arg)).map((text) => text ?? NULL_MARK)));
        else throw new UnreadableError(`format() has no argument for ${whole}`);
      }
      pieces.push([template.slice(end)]);
      results.push(...product(pieces, (texts) => texts.join('')));
    }
    return distinct(results);
  }
}

function distinct(texts: Texts): Texts {
  return [...new Set(texts)];
}

function product(parts: readonly Texts[], combine: (texts: Texts) => string | null): Texts {
  return distinct(combinations(parts).map(combine));
}

/**
 * All combinations of one value per part. If there are too many, varies one part at a time while the others have their
 * longest values, then their shortest: a `where` disappears when a part is absent.
 */
function combinations(parts: readonly Texts[]): Texts[] {
  const count = parts.reduce((total, part) => total * part.length, 1);
  if (count <= MAX_TEXTS) {
    return parts.reduce<Texts[]>(
      (rows, part) => rows.flatMap((row) => part.map((text) => [...row, text])),
      [[]],
    );
  }
  const sorted = parts.map((part) =>
    [...part].sort((one, other) => (one?.length ?? -1) - (other?.length ?? -1)),
  );
  const bases = [sorted.map((part) => part.at(-1) ?? null), sorted.map((part) => part[0] ?? null)];
  return bases.flatMap((base) =>
    parts.flatMap((part, index) => part.map((text) => base.map((own, at) => (at === index ? text : own)))),
  );
}
