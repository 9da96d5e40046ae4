// Sends a bundle. XMLHttpRequest, as fetch does not tell how far an upload has come.
import { ApiError, consoleHeader, errorOf, type Release } from "./client";

export interface Upload {
  // The release, and whether the bundle was there already.
  result: Promise<{ release: Release; known: boolean }>;
  abort: () => void;
}

export function uploadRelease(file: Blob, progress: (sentBytes: number) => void): Upload {
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
  request.open("POST", "/api/v1/releases");
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
