import { act, cleanup, renderHook } from '@testing-library/react';
import { REALTIME_SUBSCRIBE_STATES } from '@supabase/supabase-js';
import type { DatabaseClient } from '../../src/services/database.ts';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { Realtime } from '../../src/console/lib/realtime.ts';
import { useRealtime } from '../../src/console/lib/use-realtime.ts';

// The local system has no Realtime, which is a service of hosted projects.

beforeEach(() => vi.useFakeTimers());
afterEach(() => {
  cleanup();
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const noListener = (status: REALTIME_SUBSCRIBE_STATES): void => {
  throw new Error(`nobody listens to ${status}`);
};

function fakeProject() {
  const channels: FakeChannel[] = [];
  interface FakeChannel {
    tables: string[];
    isOpen: boolean;
    change: () => void;
    tell: (status: REALTIME_SUBSCRIBE_STATES) => void;
  }
  const realtime = {
    channel() {
      const listeners: (() => void)[] = [];
      const channel = {
        tables: [] as string[],
        isOpen: false,
        change: () => listeners.forEach((listener) => listener()),
        tell: noListener,
        on(_type: string, { table }: { table: string }, listener: () => void) {
          channel.tables.push(table);
          listeners.push(listener);
          return channel;
        },
        subscribe(tell: (status: REALTIME_SUBSCRIBE_STATES) => void) {
          channel.isOpen = true;
          channel.tell = tell;
          return channel;
        },
      };
      channels.push(channel);
      return channel;
    },
    removeChannel(channel: FakeChannel) {
      channel.isOpen = false;
      channel.tell(REALTIME_SUBSCRIBE_STATES.CLOSED);
      return Promise.resolve('ok');
    },
  };
  // Only these two members are used.
  return { realtime: realtime as unknown as Realtime, channels };
}

// The client is only handed on.
const client = {} as DatabaseClient;

type Connect = (client: DatabaseClient) => Promise<Realtime | null>;

async function listen(connect?: Connect) {
  const project = fakeProject();
  const onChange = vi.fn();
  const connectOnce: Connect = connect ?? (() => Promise.resolve(project.realtime));
  const hook = renderHook(
    (props: { isEnabled: boolean }) =>
      useRealtime(client, ['webhook_deliveries', 'webhook_circuits'], props.isEnabled, onChange, connectOnce),
    { initialProps: { isEnabled: true } },
  );
  await connected();
  return { ...project, onChange, hook };
}

/** What waits for a promise that is settled already. */
const connected = () => act(() => vi.advanceTimersByTimeAsync(0));

async function hide(isHidden: boolean): Promise<void> {
  vi.spyOn(document, 'hidden', 'get').mockReturnValue(isHidden);
  act(() => {
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await connected();
}

it('reports a burst of changes once', async () => {
  const { channels, onChange } = await listen();
  expect(channels.map(({ tables }) => tables)).toEqual([['webhook_deliveries', 'webhook_circuits']]);
  for (let count = 0; count < 20; count += 1) channels[0]?.change();
  expect(onChange).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1000);
  expect(onChange).toHaveBeenCalledTimes(1);
  channels[0]?.change();
  vi.advanceTimersByTime(1000);
  expect(onChange).toHaveBeenCalledTimes(2);
});

it.each([
  REALTIME_SUBSCRIBE_STATES.CHANNEL_ERROR,
  REALTIME_SUBSCRIBE_STATES.TIMED_OUT,
  REALTIME_SUBSCRIBE_STATES.CLOSED,
])('leaves the channel for good after %s, and says nothing', async (status) => {
  const error = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const { channels, onChange } = await listen();
  channels[0]?.tell(status);
  vi.advanceTimersByTime(60_000);
  expect(channels.map(({ isOpen }) => isOpen)).toEqual([false]);
  expect(onChange).not.toHaveBeenCalled();
  expect(error).not.toHaveBeenCalled();
});

it('stays in the channel once it is subscribed', async () => {
  const { channels } = await listen();
  channels[0]?.tell(REALTIME_SUBSCRIBE_STATES.SUBSCRIBED);
  expect(channels[0]?.isOpen).toBe(true);
});

it('hears nothing while the tab is hidden or refreshing is paused', async () => {
  const { channels, hook } = await listen();
  await hide(true);
  expect(channels.map(({ isOpen }) => isOpen)).toEqual([false]);
  await hide(false);
  expect(channels.map(({ isOpen }) => isOpen)).toEqual([false, true]);
  hook.rerender({ isEnabled: false });
  expect(channels.map(({ isOpen }) => isOpen)).toEqual([false, false]);
});

it('drops a change that it had not reported yet when it ends', async () => {
  const { channels, onChange, hook } = await listen();
  channels[0]?.change();
  hook.unmount();
  vi.advanceTimersByTime(5000);
  expect(onChange).not.toHaveBeenCalled();
});

it('joins nothing when the view is gone before Realtime is loaded', async () => {
  const project = fakeProject();
  const loaded = Promise.withResolvers<Realtime>();
  const { hook } = await listen(() => loaded.promise);
  hook.unmount();
  loaded.resolve(project.realtime);
  await connected();
  expect(project.channels).toEqual([]);
});

it.each([
  ['the project has none', () => Promise.resolve(null)],
  [
    'its code cannot be loaded',
    () => Promise.reject(new Error('Failed to fetch dynamically imported module')),
  ],
])('leaves refreshing to the interval where %s', async (_case, connect) => {
  const { channels, onChange } = await listen(connect);
  expect(channels).toEqual([]);
  expect(onChange).not.toHaveBeenCalled();
});
