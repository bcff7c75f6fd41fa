import { createServer } from 'node:net';

/** A port is in use. The message says what needs it and how to choose another. */
class PortTakenError extends Error {
  constructor(port: number, wantedBy: string, variable: string | undefined) {
    const remedy =
      variable === undefined
        ? 'Stop what listens there.'
        : `Stop what listens there, or set ${variable} to another port.`;
    super(`Port ${port}, which ${wantedBy} needs, is in use. ${remedy}`);
    this.name = 'PortTakenError';
  }
}

/** Listens briefly and returns the port; 0 finds a free one. */
function probe(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      const address = server.address();
      const bound = typeof address === 'object' && address !== null ? address.port : port;
      server.close(() => {
        resolve(bound);
      });
    });
  });
}

export function freePort(): Promise<number> {
  return probe(0);
}

/** @throws {PortTakenError} if the port is in use */
export async function requireFreePort(port: number, wantedBy: string, variable?: string): Promise<void> {
  try {
    await probe(port);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      throw new PortTakenError(port, wantedBy, variable);
    }
    throw error;
  }
}

/** The port in this variable, or the default. */
export function portFrom(variable: string, fallback: number): number {
  const value = process.env[variable];
  if (value === undefined || value === '') return fallback;
  const port = Number(value);
  if (!Number.isInteger(port) || port < 1 || port > 65_535) {
    throw new Error(`${variable} must be a port from 1 to 65535.`);
  }
  return port;
}
