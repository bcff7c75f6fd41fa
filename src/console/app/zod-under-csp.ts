import { z } from 'zod';

// Zod compiles its parsers with `new Function` where it may. Trying is a violation of our Content-Security-Policy, so
// this comes before any schema is made: the first import of the entry.
z.config({ jitless: true });
