import type { ServerResponse } from 'node:http';

/**
 * A request that Cloud Storage refuses. The same refusal has a name in each API:
 * https://cloud.google.com/storage/docs/json_api/v1/status-codes and
 * https://cloud.google.com/storage/docs/xml-api/reference-status
 */
export class Refusal extends Error {
  readonly status: number;
  readonly reason: string;
  readonly code: string;

  /** @param reason in the JSON API @param code in the XML API */
  constructor(status: number, reason: string, code: string, message: string) {
    super(message);
    this.status = status;
    this.reason = reason;
    this.code = code;
  }
}

export const invalid = (message: string) => new Refusal(400, 'invalid', 'InvalidArgument', message);

/** For what Cloud Storage can do and this stand-in cannot: never answered as if it had been done. */
export const notPlayed = (what: string) =>
  new Refusal(501, 'notImplemented', 'NotImplemented', `the stand-in does not know ${what}`);

export function refuseAsJson(response: ServerResponse, { status, reason, message }: Refusal): void {
  const error = { code: status, message, errors: [{ message, domain: 'global', reason }] };
  answerJson(response, { error }, status);
}

export function refuseAsXml(response: ServerResponse, { status, code, message }: Refusal): void {
  answerXml(
    response,
    `<Error><Code>${code}</Code><Message>The request failed.</Message><Details>${escapeXml(message)}</Details></Error>`,
    status,
  );
}

export function answerJson(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8' }).end(JSON.stringify(value));
}

export function answerXml(response: ServerResponse, element: string, status = 200): void {
  const headers = { 'content-type': 'application/xml; charset=UTF-8' };
  response.writeHead(status, headers).end(`<?xml version='1.0' encoding='UTF-8'?>${element}`);
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll("'", '&#39;').replaceAll('"', '&quot;');
}
