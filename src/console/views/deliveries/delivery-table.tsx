import type { OpenDelivery } from '../../../contracts/console-deliveries.ts';
import { useRowKeys } from '../../ui/use-row-keys.ts';
import { DeliveryRow } from './delivery-row.tsx';
import styles from './deliveries.module.css';

export function DeliveryTable({
  deliveries,
  selected,
  onSelectedChange,
}: {
  deliveries: readonly OpenDelivery[];
  selected: ReadonlySet<string>;
  onSelectedChange: (selected: ReadonlySet<string>) => void;
}) {
  const keys = useRowKeys(deliveries.map(({ id }) => id));
  const areAllSelected = deliveries.every(({ id }) => selected.has(id));

  function select(id: string, isSelected: boolean): void {
    const next = new Set(selected);
    if (isSelected) next.add(id);
    else next.delete(id);
    onSelectedChange(next);
  }

  return (
    <table role="table" aria-label="Deliveries" className={`table ${styles['table'] ?? ''}`}>
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col" className={styles['select']}>
            <label className={styles['selectAll']}>
              <input
                type="checkbox"
                checked={areAllSelected}
                ref={(box) => {
                  if (box) box.indeterminate = selected.size > 0 && !areAllSelected;
                }}
                onChange={(event) =>
                  onSelectedChange(new Set(event.target.checked ? deliveries.map(({ id }) => id) : []))
                }
              />
              <span>Select all shown</span>
            </label>
          </th>
          <th role="columnheader" scope="col">
            Status
          </th>
          <th role="columnheader" scope="col">
            Report and event
          </th>
          <th role="columnheader" scope="col">
            Failure reason
          </th>
          <th role="columnheader" scope="col">
            Attempts
          </th>
          <th role="columnheader" scope="col">
            Next step
          </th>
          <th role="columnheader" scope="col">
            Actions
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup" {...keys.list}>
        {deliveries.map((delivery) => (
          <DeliveryRow
            key={delivery.id}
            delivery={delivery}
            row={keys.row(delivery.id)}
            isSelected={selected.has(delivery.id)}
            onSelect={(isSelected) => select(delivery.id, isSelected)}
          />
        ))}
      </tbody>
    </table>
  );
}
