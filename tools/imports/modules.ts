import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import ts from 'typescript';

/** A file of the project, with its exports and its imports from other files. */
export interface Module {
  /** Relative to the project's root. */
  path: string;
  /** Line by exported name. */
  exports: ReadonlyMap<string, number>;
  imports: readonly Import[];
}

interface Import {
  path: string;
  /** `null`: the whole module, as a namespace or by an `import()` whose value is passed on. */
  names: readonly string[] | null;
}

const FOLDERS = '{api,src,scripts,tools,tests,examples}/**/*.{ts,tsx}';

/** All modules. Type imports count too: a cycle of types hides which of two files depends on the other. */
export async function readModules(root: string): Promise<Module[]> {
  const paths = globSync([FOLDERS, '*.ts'], { cwd: root }).filter((path) => !path.includes('node_modules'));
  return Promise.all(
    paths.sort().map(async (path) => moduleOf(path, await readFile(join(root, path), 'utf8'))),
  );
}

export function moduleOf(path: string, text: string): Module {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const exports = new Map<string, number>();
  const imports: Import[] = [];

  const lineOf = (node: ts.Node) => source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
  const addExport = (name: ts.Node, text = name.getText()) => exports.set(text, lineOf(name));
  const addImport = (specifier: ts.Node | undefined, names: Import['names']) => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier) || !specifier.text.startsWith('.'))
      return;
    imports.push({ path: join(dirname(path), specifier.text), names });
  };

  function visit(node: ts.Node): void {
    if (ts.isImportDeclaration(node)) {
      addImport(node.moduleSpecifier, namesOfClause(node.importClause));
    } else if (ts.isExportDeclaration(node)) {
      const elements =
        node.exportClause !== undefined && ts.isNamedExports(node.exportClause)
          ? [...node.exportClause.elements]
          : null;
      for (const { name } of elements ?? []) addExport(name);
      addImport(node.moduleSpecifier, elements?.map(nameOfSpecifier) ?? null);
    } else if (ts.isExportAssignment(node)) {
      addExport(node, 'default');
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      addImport(node.arguments[0], namesOfCall(node));
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      addImport(node.argument.literal, node.qualifier === undefined ? null : [node.qualifier.getText()]);
    } else if (isExported(node)) {
      for (const name of declaredNames(node)) addExport(name);
    }
    // An ambient module declaration describes another package.
    if (!ts.isModuleDeclaration(node)) ts.forEachChild(node, visit);
  }
  visit(source);
  return { path, exports, imports };
}

function namesOfClause(clause: ts.ImportClause | undefined): Import['names'] {
  if (clause === undefined) return [];
  const { name, namedBindings } = clause;
  if (namedBindings !== undefined && ts.isNamespaceImport(namedBindings)) return null;
  return [
    ...(name === undefined ? [] : ['default']),
    ...(namedBindings?.elements.map(nameOfSpecifier) ?? []),
  ];
}

function nameOfSpecifier({ propertyName, name }: ts.ImportSpecifier | ts.ExportSpecifier): string {
  return (propertyName ?? name).text;
}

/** Names used of an `import()`: `(await import('…')).name` and `const { name } = await import('…')`, also with `then`. */
function namesOfCall(call: ts.CallExpression): Import['names'] {
  let value: ts.Node = call;
  while (ts.isAwaitExpression(value.parent) || ts.isParenthesizedExpression(value.parent))
    value = value.parent;
  const { parent } = value;
  if (ts.isVariableDeclaration(parent)) return namesOfPattern(parent.name);
  if (!ts.isPropertyAccessExpression(parent)) return null;
  if (parent.name.text !== 'then') return [parent.name.text];
  const then = ts.isCallExpression(parent.parent) ? parent.parent.arguments[0] : undefined;
  const [parameter] = then !== undefined && ts.isArrowFunction(then) ? then.parameters : [];
  return parameter === undefined ? null : namesOfPattern(parameter.name);
}

function namesOfPattern(pattern: ts.BindingName): Import['names'] {
  if (!ts.isObjectBindingPattern(pattern)) return null;
  return pattern.elements.map(({ propertyName, name }) => (propertyName ?? name).getText());
}

type Declaration =
  | ts.VariableStatement
  | ts.FunctionDeclaration
  | ts.ClassDeclaration
  | ts.InterfaceDeclaration
  | ts.TypeAliasDeclaration;

function isExported(node: ts.Node): node is Declaration {
  return (
    (ts.isVariableStatement(node) ||
      ts.isFunctionDeclaration(node) ||
      ts.isClassDeclaration(node) ||
      ts.isInterfaceDeclaration(node) ||
      ts.isTypeAliasDeclaration(node)) &&
    node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true
  );
}

function declaredNames(node: Declaration): ts.Node[] {
  if (!ts.isVariableStatement(node)) return node.name === undefined ? [] : [node.name];
  return node.declarationList.declarations.flatMap(({ name }) =>
    ts.isIdentifier(name)
      ? [name]
      : name.elements.flatMap((each) => (ts.isBindingElement(each) ? [each.name] : [])),
  );
}
