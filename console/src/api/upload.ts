// Sends a bundle, or a file of another project. XMLHttpRequest, as fetch does not tell how far an upload has come.
import { ApiError, consoleHeader, errorOf, type Release } from "./client";

export interface Upload {
  // The release, and whether the bundle was there already.
  result: Promise<{ release: Release; known: boolean }>;
  abort: () => void;
}

// What is said of a file of another project that it does not say itself, or says in other words; empty: as the file says.
export interface Said {
  product?: string;
  hardware?: string;
  version?: string;
}

export function uploadRelease(file: Blob, said: Said, progress: (sentBytes: number) => void): Upload {
  const request = new XMLHttpRequest();
  const result = new Promise<{ release: Release; known: boolean }>((resolve, reject) => {
    request.upload.onprogress = (event) => progress(event.loaded);
    request.onload = () => {
      const body: unknown = parsed(request.responseText);
      if (request.status === 200 || request.status === 201) resolve({ release: body as Release, known: request.status === 200 });
      else reject(errorOf(request.status, body, request.getResponseHeader("Retry-After")));
    };
    request.onerror = () => reject(new ApiError(0, 0, "The connection broke while the bundle was sent. Send it again; nothing half-made stays at the server."));
    request.onabort = () => reject(new ApiError(0, 0, "The upload was stopped."));
  });
  const query = new URLSearchParams(Object.entries(said).filter(([, value]) => value !== ""));
  request.open("POST", `/api/v1/releases${query.size > 0 ? `?${query}` : ""}`);
  request.setRequestHeader("Content-Type", "application/octet-stream");
  for (const [name, value] of Object.entries(consoleHeader)) request.setRequestHeader(name, value);
  request.send(file);
  return { result, abort: () => request.abort() };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
