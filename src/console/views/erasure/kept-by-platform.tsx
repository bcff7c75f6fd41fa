import { formatCount } from '../../lib/format.ts';
import { Panel } from '../../ui/page.tsx';
import type { AccountContent } from '../../../contracts/erasure.ts';
import styles from './erasure.module.css';

/** The platform's own columns, which no erasure of ours empties. */
export function KeptByPlatform({ kept }: { kept: AccountContent['kept'] }) {
  return (
    <Panel title="Content in the platform’s own tables">
      {kept.length === 0 ? (
        <p className={styles['text']}>Nothing.</p>
      ) : (
        <>
          <p className={styles['text']}>
            This erasure does not cover the platform’s own rows. Delete the account on the platform, or ask
            the platform’s team.
          </p>
          <table
            className={`table ${styles['counts'] ?? ''}`}
            aria-label="Content in the platform’s own tables"
          >
            <tbody>
              {kept.map(({ place, things }) => (
                <tr key={place}>
                  <th scope="row" className="mono">
                    {place}
                  </th>
                  <td className="number">{formatCount(things)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </>
      )}
    </Panel>
  );
}
