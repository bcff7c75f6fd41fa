import type { ServePage } from './front.ts';

const PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Polaris report webhooks</title>
<style>
  :root { color-scheme: light dark; font: 16px/1.6 system-ui, sans-serif; }
  main { max-width: 40rem; margin: 12vh auto; padding: 0 1.25rem; }
  h1 { font-size: 1.5rem; }
  code { font-size: 0.9em; }
</style>
<main>
  <h1>Polaris report webhooks</h1>
  <p>The local system runs. Its functions answer under <code>/api</code>; the terminal shows the addresses, the keys and
  two sign-ins, and <code>dev.json</code> in the data folder has them for programs.</p>
</main>
`;

export const servePlaceholder: ServePage = (request, response) => {
  const found = request.url === '/';
  response.writeHead(found ? 200 : 404, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(found ? PAGE : 'Not found');
};
