import { Button } from "@mantine/core";
import type { UseInfiniteQueryResult, UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { ErrorNote } from "./ErrorNote";
import { Loading } from "./Page";
import classes from "./Page.module.css";

// What a query yields, or that it is on its way, or why it is not there. Old data stays visible while a refresh fails.
export function Loaded<T>({ query, rows, children }: { query: UseQueryResult<T, Error>; rows?: number; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) {
    return (
      <>
        {query.isRefetchError && <StaleNote error={query.error} retry={() => void query.refetch()} />}
        {children(query.data)}
      </>
    );
  }
  if (query.isError) return <div className={classes.inside}>{<ErrorNote error={query.error} retry={() => void query.refetch()} />}</div>;
  return <Loading rows={rows} />;
}

function StaleNote({ error, retry }: { error: Error; retry: () => void }) {
  return (
    <div className={classes.inside}>
      <ErrorNote title="What you see may be out of date" error={error} retry={retry} />
    </div>
  );
}

// The button below a list that has more.
export function More({ query }: { query: UseInfiniteQueryResult<unknown, Error> }) {
  if (!query.hasNextPage) return null;
  return (
    <div className={classes.inside}>
      {query.isFetchNextPageError && <ErrorNote error={query.error} />}
      <Button variant="default" fullWidth loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
        Show more
      </Button>
    </div>
  );
}
