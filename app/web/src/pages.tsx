import { useEffect, useState } from "react";
import type { CrmRecord, Field, Found, Module } from "./api";
import type { Filters } from "./place";
import { go, hrefOf } from "./place";
import { Icon, label, localDate, Option, useApp, useLoad, Value, words } from "./ui";

const PAGE = 50;

const choice = (module: Module) => module.fields.find((field) => field.type === "enum" && field.options?.length);
const dateField = (module: Module) => module.fields.find((field) => field.type === "date");

/* ---- Dashboard ---- */

export function Dashboard() {
  const { modules } = useApp();
  const today = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
  return (
    <>
      <header className="head">
        <h1>Dashboard</h1>
        <p className="soft">{today.format(new Date())}</p>
      </header>
      <div className="tiles">
        {modules.map((module) => (
          <Tile key={module.slug} module={module} />
        ))}
      </div>
      <ComingUp />
    </>
  );
}

function Tile({ module }: { module: Module }) {
  const { api, version } = useApp();
  const field = choice(module);
  const { data, error } = useLoad(() => {
    const fields = [module.titleField, ...(field ? [field.name] : [])];
    return api.query({ module: module.slug, fields, limit: 100 });
  }, [module, version]);
  return (
    <a className="tile" href={hrefOf({ type: "moduleList", slug: module.slug, filters: {} })}>
      <span className="soft">{module.name}</span>
      <strong>{data ? data.total.toLocaleString() : error ? "–" : "…"}</strong>
      {field && data && <Shares field={field} found={data} />}
    </a>
  );
}

/** How the newest records are spread over the options of a field. */
function Shares({ field, found }: { field: Field; found: Found }) {
  const shares = (field.options ?? [])
    .map((option, place) => ({
      option,
      place: place % 6,
      count: found.records.filter((record) => record[field.name] === option).length,
    }))
    .filter(({ count }) => count > 0);
  const told = shares
    .toSorted((one, other) => other.count - one.count)
    .map(({ option, count }) => `${count} ${words(option)}`);
  const among = found.total > found.records.length ? ` of the newest ${found.records.length}` : "";
  return (
    <>
      <span className="bar" title={told.join(", ") + among}>
        {shares.map(({ option, place, count }) => (
          <span key={option} data-place={place} style={{ flexGrow: count }} />
        ))}
      </span>
      <small>{told.slice(0, 2).join(", ")}</small>
    </>
  );
}

function ComingUp() {
  const { api, modules, version } = useApp();
  const { data } = useLoad(async () => {
    const from = localDate(new Date());
    const lists = await Promise.all(
      modules.map(async (module) => {
        const field = dateField(module);
        if (!field) return [];
        const filters = [{ field: field.name, op: "gte", value: from }];
        const found = await api.query({ module: module.slug, filters, sortBy: field.name, limit: 8 });
        return found.records.map((record) => ({ module, field, record, date: String(record[field.name]) }));
      }),
    );
    return lists
      .flat()
      .sort((one, other) => one.date.localeCompare(other.date))
      .slice(0, 8);
  }, [modules, version]);
  if (!data?.length) return null;
  return (
    <section className="panel">
      <h2>Coming up</h2>
      <ul className="rows">
        {data.map(({ module, field, record }) => (
          <li key={record.id}>
            <a href={hrefOf({ type: "moduleRecord", slug: module.slug, id: record.id })}>{record.title}</a>
            <span className="soft">
              {module.singular}, {words(field.name)}
            </span>
            <Value values={record} field={field} />
          </li>
        ))}
      </ul>
    </section>
  );
}

/* ---- A module's records ---- */

const SEARCHABLE = new Set(["string", "text", "email", "phone", "url", "user", "relation", "enum[]"]);

const conditions = (module: Module, filters: Filters) =>
  Object.entries(filters).map(([field, value]) => {
    const type = module.fields.find((one) => one.name === field)?.type ?? "string";
    return { field, op: SEARCHABLE.has(type) ? "contains" : "eq", value };
  });

export function ModuleList({ module, filters }: { module: Module; filters: Filters }) {
  const { api, version, highlighted } = useApp();
  const [sort, setSort] = useState<{ by: string; order: "asc" | "desc" }>();
  const [limit, setLimit] = useState(PAGE);
  const show = (next: Filters) => go({ type: "moduleList", slug: module.slug, filters: next });

  const { data, error } = useLoad(async () => {
    const query = {
      module: module.slug,
      filters: conditions(module, filters),
      ...(sort && { sortBy: sort.by, sortOrder: sort.order }),
    };
    const found = { total: 0, records: [] as CrmRecord[] };
    while (found.records.length < limit) {
      const next = await api.query({ ...query, limit: PAGE, offset: found.records.length });
      found.total = next.total;
      found.records.push(...next.records);
      if (next.records.length < PAGE) break;
    }
    return found;
  }, [module, JSON.stringify(filters), sort, limit, version]);

  const columns = module.fields.filter((field) => field.name !== module.titleField && field.type !== "text");
  const turn = (by: string) => setSort({ by, order: sort?.by === by && sort.order === "asc" ? "desc" : "asc" });
  const mark = (by: string) => (sort?.by === by ? (sort.order === "asc" ? "ascending" : "descending") : undefined);

  return (
    <>
      <header className="head">
        <h1>{module.name}</h1>
        {data && <p className="soft">{data.total.toLocaleString()}</p>}
      </header>
      <FilterBar module={module} filters={filters} show={show} />
      {error && <p className="problem">{error.message}</p>}
      {data && (
        <div className="panel flush">
          <table>
            <thead>
              <tr>
                {[module.titleField, ...columns.map((field) => field.name)].map((name) => (
                  <th key={name} aria-sort={mark(name)}>
                    <button type="button" onClick={() => turn(name)}>
                      {label(name)}
                    </button>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {data.records.map((record) => (
                <Row key={record.id} {...{ module, record, columns }} stands={record.id === highlighted} />
              ))}
            </tbody>
          </table>
          {data.records.length === 0 && <p className="empty">Nothing matches.</p>}
          {data.records.length < data.total && (
            <button type="button" className="more" onClick={() => setLimit(limit + PAGE)}>
              Show more ({data.records.length} of {data.total.toLocaleString()})
            </button>
          )}
        </div>
      )}
    </>
  );
}

interface RowProps {
  module: Module;
  record: CrmRecord;
  columns: Field[];
  stands: boolean;
}

function Row({ module, record, columns, stands }: RowProps) {
  const href = hrefOf({ type: "moduleRecord", slug: module.slug, id: record.id });
  const [row, setRow] = useState<HTMLTableRowElement | null>(null);
  useEffect(() => {
    if (stands) row?.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }, [stands, row]);
  return (
    <tr ref={setRow} className={stands ? "stands" : undefined}>
      <td>
        <a className="title" href={href}>
          {record.title}
        </a>
      </td>
      {columns.map((field) => (
        <td key={field.name} data-type={field.type}>
          <Value values={record} field={field} />
        </td>
      ))}
    </tr>
  );
}

interface FilterBarProps {
  module: Module;
  filters: Filters;
  show: (filters: Filters) => void;
}

function FilterBar({ module, filters, show }: FilterBarProps) {
  const choices = module.fields.filter((field) => field.options?.length).slice(0, 3);
  const without = (name: string) => Object.fromEntries(Object.entries(filters).filter(([field]) => field !== name));
  const set = (name: string, value: string) => show(value ? { ...filters, [name]: value } : without(name));
  const others = Object.keys(filters).filter(
    (name) => name !== module.titleField && !choices.some((field) => field.name === name),
  );
  return (
    <div className="filters">
      <input
        type="search"
        value={filters[module.titleField] ?? ""}
        placeholder={`Find by ${words(module.titleField)}`}
        aria-label={`Find by ${label(module.titleField)}`}
        onChange={(event) => set(module.titleField, event.target.value)}
      />
      {choices.map((field) => (
        <select
          key={field.name}
          value={filters[field.name] ?? ""}
          aria-label={label(field.name)}
          data-set={field.name in filters || undefined}
          onChange={(event) => set(field.name, event.target.value)}
        >
          <option value="">{label(field.name)}: any</option>
          {field.options?.map((option) => (
            <option key={option} value={option}>
              {label(option)}
            </option>
          ))}
        </select>
      ))}
      {others.map((name) => (
        <button
          key={name}
          type="button"
          className="chip"
          onClick={() => show(without(name))}
          aria-label="Remove filter"
        >
          {label(name)}: {filters[name]} <Icon name="cross" />
        </button>
      ))}
    </div>
  );
}

/* ---- One record ---- */

interface RecordPageProps {
  module: Module;
  id: string;
  onName: (name: string) => void;
}

export function RecordPage({ module, id, onName }: RecordPageProps) {
  const { api, modules, version, highlighted } = useApp();
  const { data, error } = useLoad(async () => ({ record: await api.record(module, id) }), [module, id, version]);
  const record = data?.record;
  const name = record?.title;
  useEffect(() => {
    if (name) onName(name);
  }, [name, onName]);

  const related = modules.flatMap((other) =>
    other.fields.filter((field) => field.module === module.slug).map((field) => ({ other, field })),
  );
  return (
    <>
      <header className="head">
        <div>
          <a className="soft" href={hrefOf({ type: "moduleList", slug: module.slug, filters: {} })}>
            {module.name}
          </a>
          <h1>{name ?? (data ? "Not found" : "…")}</h1>
        </div>
      </header>
      {error && <p className="problem">{error.message}</p>}
      {data && !record && <p className="soft">This {module.singular} does not exist, or no longer.</p>}
      {record && (
        <dl className={highlighted === id ? "panel fields stands" : "panel fields"}>
          {module.fields
            .filter((field) => field.name !== module.titleField)
            .map((field) => (
              <div key={field.name} data-type={field.type}>
                <dt>{label(field.name)}</dt>
                <dd>
                  <Value values={record} field={field} />
                </dd>
              </div>
            ))}
        </dl>
      )}
      {record &&
        related.map(({ other, field }) => <Related key={other.slug + field.name} {...{ record, other, field }} />)}
    </>
  );
}

/** Records of another module that lead to this one. */
function Related({ record, other, field }: { record: CrmRecord; other: Module; field: Field }) {
  const { api, version } = useApp();
  const { data } = useLoad(() => {
    const filters = [{ field: field.name, op: "eq", value: record.title }];
    return api.query({ module: other.slug, filters, limit: 8 });
  }, [record.id, record.title, other, field, version]);
  if (!data?.total) return null;
  const status = choice(other);
  const date = dateField(other);
  return (
    <section className="panel">
      <h2>
        <a href={hrefOf({ type: "moduleList", slug: other.slug, filters: { [field.name]: record.title } })}>
          {other.name} <span className="soft">{data.total}</span>
        </a>
      </h2>
      <ul className="rows">
        {data.records.map((one) => (
          <li key={one.id}>
            <a href={hrefOf({ type: "moduleRecord", slug: other.slug, id: one.id })}>{one.title}</a>
            {status && typeof one[status.name] === "string" && (
              <Option field={status} value={String(one[status.name])} />
            )}
            {date && <Value values={one} field={date} />}
          </li>
        ))}
      </ul>
    </section>
  );
}
