import { Table, VisuallyHidden } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import type { MouseEvent, ReactNode } from "react";
import classes from "./DataTable.module.css";

export interface Column<Row> {
  // Without one, the column has the buttons that do something with the row.
  head?: ReactNode;
  cell: (row: Row) => ReactNode;
  // Numbers, to be compared down the column.
  right?: boolean;
  // At phone width it is a line below the cell that leads the row (the first with a head in words), or left out; else it stays a column.
  phone?: "below" | "out";
}

interface DataTableProps<Row> {
  label: string;
  rows: Row[];
  rowKey: (row: Row) => string | number;
  // What is false is not there, as by useMay().
  columns: (Column<Row> | false)[];
  empty?: ReactNode;
  caption?: ReactNode;
  chosen?: (row: Row) => boolean;
}

// Rows of the same kind. At phone width nothing scrolls to the side, so long words belong into the cell that leads the row, or below.
export function DataTable<Row>({ label, rows, rowKey, columns, empty, caption, chosen }: DataTableProps<Row>) {
  const phone = useMediaQuery("(max-width: 48em)", false, { getInitialValueInEffect: false });
  if (rows.length === 0 && empty !== undefined) return empty;
  const all = columns.filter((column) => column !== false);
  const shown = phone ? all.filter((column) => column.phone === undefined) : all;
  const below = phone ? all.filter((column) => column.phone === "below") : [];
  const lead = shown.findIndex(({ head }) => typeof head === "string");
  const align = ({ head, right }: Column<Row>) => (right || head === undefined ? "right" : undefined);
  return (
    <Table.ScrollContainer minWidth={0} type="native">
      <Table className={classes.table} highlightOnHover aria-label={label} captionSide="top" onMouseOver={showWhole}>
        {caption && <Table.Caption>{caption}</Table.Caption>}
        <Table.Thead>
          <Table.Tr>
            {shown.map((column, i) => (
              <Table.Th key={i} ta={align(column)} w={typeof column.head === "string" ? undefined : 1}>
                {column.head ?? <VisuallyHidden>What to do</VisuallyHidden>}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {rows.map((row) => (
            <Table.Tr key={rowKey(row)} bg={chosen?.(row) ? "var(--wash-busy)" : undefined}>
              {shown.map((column, i) => (
                <Table.Td key={i} ta={align(column)} className={i === lead ? classes.lead : undefined}>
                  {contentOf(column, row)}
                  {i === lead && below.map((lower, line) => <Below key={line} column={lower} row={row} />)}
                </Table.Td>
              ))}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  );
}

// What is shortened for want of room has all of it as its title.
function showWhole({ target }: MouseEvent) {
  if (target instanceof HTMLElement && target.scrollWidth > target.clientWidth && getComputedStyle(target).textOverflow === "ellipsis") target.title = target.textContent;
}

// A word that would take more than its share of the row is broken.
const longWord = /\S{24}/;

function contentOf<Row>({ head, cell }: Column<Row>, row: Row): ReactNode {
  const content = cell(row);
  if (head === undefined) return <div className={classes.acts}>{content}</div>;
  return typeof content === "string" && longWord.test(content) ? <span className={classes.long}>{content}</span> : content;
}

function Below<Row>({ column, row }: { column: Column<Row>; row: Row }) {
  const content = column.cell(row);
  if (content === undefined || content === null || content === "" || content === false) return null;
  return (
    <div className={classes.below}>
      {column.head !== undefined && <span className="dim">{column.head} </span>}
      {contentOf(column, row)}
    </div>
  );
}
