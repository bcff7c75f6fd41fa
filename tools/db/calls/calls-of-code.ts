import { join } from 'node:path';
import ts from 'typescript';

/** Names of SQL functions and tables of schema `public`. */
export interface CodeCalls {
  functions: string[];
  tables: string[];
}

/**
 * Reads the database calls from the deployed code: `rpc('name', …)` of a store, the console's `call(client, 'name', …)` and
 * `client.from('name')`. The type checker must know the name.
 * @param project has `tsconfig.json`, `api/` and `src/`
 * @throws {Error} if a name cannot be determined
 */
export function callsOfCode(project: string): CodeCalls {
  const read = ts.readConfigFile(join(project, 'tsconfig.json'), (path) => ts.sys.readFile(path));
  const { options, fileNames } = ts.parseJsonConfigFileContent(read.config, ts.sys, project);
  const program = ts.createProgram(
    fileNames.filter((name) =>
      [join(project, 'api/'), join(project, 'src/')].some((folder) => name.startsWith(folder)),
    ),
    options,
  );
  const checker = program.getTypeChecker();
  const functions = new Set<string>();
  const tables = new Set<string>();

  function visit(node: ts.Node): void {
    if (ts.isCallExpression(node)) {
      const { expression, arguments: given } = node;
      const name = ts.isPropertyAccessExpression(expression) ? expression.name : expression;
      // `rpc` may also be called unqualified: `const { rpc } = services`.
      if (ts.isIdentifier(name) && name.text === 'rpc') add(functions, given[0]);
      else if (ts.isIdentifier(expression) && expression.text === 'call') add(functions, given[1]);
      else if (
        ts.isPropertyAccessExpression(expression) &&
        expression.name.text === 'from' &&
        isClient(checker.getTypeAtLocation(expression.expression))
      ) {
        add(tables, given[0]);
      }
    }
    ts.forEachChild(node, visit);
  }
  /** `DatabaseClient` is an alias for the part of `SupabaseClient` that the services use; it has no symbol of its own. */
  function isClient(type: ts.Type): boolean {
    return type.aliasSymbol?.name === 'DatabaseClient' || type.getSymbol()?.name === 'SupabaseClient';
  }
  function add(names: Set<string>, argument: ts.Expression | undefined): void {
    if (argument === undefined) return;
    const type = checker.getTypeAtLocation(argument);
    // A wrapper passes on a name that its own caller gives; the call of the wrapper is read as well.
    if (type.flags & ts.TypeFlags.TypeParameter || type.flags & ts.TypeFlags.Intersection) return;
    for (const each of type.isUnion() ? type.types : [type]) {
      if (!each.isStringLiteral()) {
        const { line } = argument.getSourceFile().getLineAndCharacterOfPosition(argument.getStart());
        throw new Error(
          `${argument.getSourceFile().fileName}:${line + 1}: cannot determine the name that is called here.`,
        );
      }
      names.add(each.value);
    }
  }

  for (const file of program.getSourceFiles()) {
    if (!file.isDeclarationFile && fileNames.includes(file.fileName)) visit(file);
  }
  return { functions: [...functions].sort(), tables: [...tables].sort() };
}
