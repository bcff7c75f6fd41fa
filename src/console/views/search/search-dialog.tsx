import { Dialog } from '@base-ui/react/dialog';
import { useQuery } from '@tanstack/react-query';
import { navigate } from 'raviger';
import { useEffect, useId, useRef, useState } from 'react';
import { plural } from '../../lib/format.ts';
import { ErrorState } from '../../ui/states.tsx';
import { searchText } from '../../../contracts/console-search.ts';
import { useSession } from '../../lib/session.ts';
import { groupsOf, type Option } from './options.ts';
import { searchQuery } from './queries.ts';
import styles from './search.module.css';

const TYPING_MS = 200;

/**
 * Finds reports, jobs, events, deliveries and owners. Arrow keys choose, Enter opens. An address is looked up by Enter alone,
 * once it is whole, since each look-up is audited.
 */
export function SearchDialog({ onClose }: { onClose: () => void }) {
  const { supabase } = useSession();
  const id = useId();
  const input = useRef<HTMLInputElement>(null);
  const hasOpened = useRef(false);
  const [text, setText] = useState('');
  const [sought, setSought] = useState<string | null>(null);
  const [chosen, setChosen] = useState(0);
  const search = useQuery(searchQuery(supabase, sought));
  const isAddress = text.includes('@');
  const isCurrent = sought === text.trim();
  const groups = search.data === undefined || sought === null ? [] : groupsOf(search.data);
  const options = groups.flatMap((group) => group.options);
  const active = options[Math.min(chosen, options.length - 1)];

  useEffect(() => {
    if (isAddress) return;
    const timer = setTimeout(() => {
      const parsed = searchText.safeParse(text);
      setSought(parsed.success ? parsed.data : null);
      setChosen(0);
    }, TYPING_MS);
    return () => clearTimeout(timer);
  }, [text, isAddress]);

  useEffect(() => {
    if (active !== undefined)
      document.getElementById(optionId(id, active))?.scrollIntoView({ block: 'nearest' });
  }, [active, id]);

  function open(option: Option): void {
    hasOpened.current = true;
    onClose();
    navigate(option.href);
  }

  function enter(): void {
    if (isAddress && !isCurrent) {
      const parsed = searchText.safeParse(text);
      setSought(parsed.success ? parsed.data : null);
      setChosen(0);
    } else if (active !== undefined && isCurrent && !search.isPlaceholderData) open(active);
  }

  return (
    <Dialog.Root open onOpenChange={(isOpen) => !isOpen && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className={styles['backdrop'] ?? ''} />
        <Dialog.Popup
          className={styles['dialog'] ?? ''}
          initialFocus={input}
          // The view that is opened has the focus, not what opened the dialog: all of it, where an element that is returned
          // here would give it to the first link inside.
          finalFocus={() => {
            if (!hasOpened.current) return true;
            document.getElementById('main')?.focus();
            return false;
          }}
        >
          <Dialog.Title className="visually-hidden">Find anything</Dialog.Title>
          <input
            ref={input}
            type="text"
            role="combobox"
            className={styles['input']}
            aria-label="Find anything"
            aria-expanded={options.length > 0}
            aria-controls={`${id}-list`}
            aria-autocomplete="list"
            aria-activedescendant={active === undefined ? undefined : optionId(id, active)}
            placeholder="Id, e-mail address, or words of a name…"
            autoComplete="off"
            spellCheck={false}
            maxLength={320}
            value={text}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => {
              const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
              if (step !== undefined && options.length > 0) {
                event.preventDefault();
                setChosen((Math.min(chosen, options.length - 1) + step + options.length) % options.length);
              } else if (event.key === 'Enter') {
                event.preventDefault();
                enter();
              }
            }}
          />
          <p className={styles['status']} role="status">
            {describe({
              text,
              isAddress,
              isCurrent,
              isBusy: search.isFetching,
              hasFailed: search.isError,
              found: options.length,
            })}
          </p>
          {search.isError && <ErrorState error={search.error} />}
          <div
            id={`${id}-list`}
            role="listbox"
            aria-label="Found"
            className={styles['list']}
            data-former={search.isPlaceholderData}
            hidden={options.length === 0}
          >
            {groups.map((group) => (
              <div key={group.name} role="group" aria-labelledby={`${id}-${group.name}`}>
                <p id={`${id}-${group.name}`} className={styles['group']}>
                  {group.name}
                </p>
                {group.options.map((option) => (
                  <div
                    key={option.id}
                    id={optionId(id, option)}
                    role="option"
                    aria-selected={option === active}
                    className={styles['option']}
                    onMouseMove={() => setChosen(options.indexOf(option))}
                    onClick={() => open(option)}
                  >
                    <span className={styles['title']} dir="auto">
                      {option.title}
                    </span>
                    <span className={styles['detail']}>{option.detail}</span>
                  </div>
                ))}
              </div>
            ))}
          </div>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function optionId(id: string, option: Option): string {
  return `${id}-${option.id}`;
}

function describe({
  text,
  isAddress,
  isCurrent,
  isBusy,
  hasFailed,
  found,
}: {
  text: string;
  isAddress: boolean;
  isCurrent: boolean;
  isBusy: boolean;
  hasFailed: boolean;
  found: number;
}): string {
  if (text.trim().length < 2) {
    return 'The beginning of any id, a whole e-mail address, or words of a name, organisation or title.';
  }
  if (isAddress && !isCurrent) return 'Press Enter to look up this address. Each look-up is audited.';
  if (isBusy || !isCurrent) return 'Looking…';
  if (hasFailed) return 'The search failed.';
  return found === 0
    ? 'Nothing found.'
    : `${plural(found, 'match', 'matches')}. Arrow keys choose, Enter opens.`;
}
