import { type DataSet, GIB, IMAGE, type LayerName, MANY_TAGS } from '../data-set.ts';
import { abHead } from '../load/ab.ts';
import { httpGet } from '../load/http-get.ts';
import { pull } from '../load/pull.ts';
import { type GetLoad, type Traffic, wrk } from '../load/wrk.ts';
import type { Tokens } from '../tokens.ts';
import type { ServedMeasure } from './measure.ts';

/** A path of the API and the token that it takes. */
interface Target {
  readonly path: (dataSet: DataSet) => string;
  readonly token: keyof Tokens;
}

/** Enough for V8 to have compiled what small requests need. */
const WARM_SECONDS = 1;

/** Enough of a large blob, with those tools that can. */
const WARM_SECONDS_OF_LARGE = 0.3;

function requests(
  { path, token }: Target,
  connections: number,
  load: (load: GetLoad) => Promise<Traffic>,
): ServedMeasure {
  const target = ({ url }: { url: string }, { dataSet, tokens }: { dataSet: DataSet; tokens: Tokens }) => ({
    url: `${url}${path(dataSet)}`,
    token: tokens[token],
  });
  return {
    unit: 'requests/s',
    better: 'more',
    cpu: 'µs/request',
    warm: async (running, context) => {
      const { url, token } = target(running, context);
      // Says more about what is wrong than the tools do.
      await httpGet(url, `Bearer ${token}`);
      await load({ url, token, connections, seconds: WARM_SECONDS });
    },
    run: async (running, context) => {
      const { seconds } = context.scale;
      const traffic = await load({ ...target(running, context), connections, seconds });
      return { value: traffic.requests / traffic.seconds, work: traffic.requests };
    },
  };
}

function manifest(by: 'tag' | 'digest'): Target {
  return {
    path: ({ manifestDigest }) => `/v2/${IMAGE}/manifests/${by === 'tag' ? 'latest' : manifestDigest}`,
    token: 'image',
  };
}

export function layerPath(name: LayerName): (dataSet: DataSet) => string {
  return ({ layers }) => `/v2/${IMAGE}/blobs/${layers[name]}`;
}

export function manifestGet(by: 'tag' | 'digest', connections: number): ServedMeasure {
  return requests(manifest(by), connections, wrk);
}

export function manifestHead(by: 'tag' | 'digest', connections: number): ServedMeasure {
  return requests(manifest(by), connections, abHead);
}

/** GETs of a blob, counted in requests. */
export function smallBlobGet(name: '1kib', connections: number): ServedMeasure {
  return requests({ path: layerPath(name), token: 'image' }, connections, wrk);
}

export function tagsPage(connections: number): ServedMeasure {
  return requests({ path: () => `/v2/${MANY_TAGS}/tags/list?n=100`, token: 'tags' }, connections, wrk);
}

/** GETs of a blob, counted in bytes. @param load tool; that for plain HTTP cannot do TLS */
export function largeBlobGet(
  name: '1mib' | '512mib',
  connections: number,
  load: (load: GetLoad) => Promise<Traffic> = pull,
): ServedMeasure {
  const path = layerPath(name);
  return {
    unit: 'GiB/s',
    better: 'more',
    cpu: 's/GiB',
    warm: async ({ url }, { dataSet, tokens }) => {
      await load({ url: `${url}${path(dataSet)}`, token: tokens.image, connections, seconds: WARM_SECONDS_OF_LARGE });
    },
    run: async ({ url }, { dataSet, tokens, scale: { seconds } }) => {
      const traffic = await load({ url: `${url}${path(dataSet)}`, token: tokens.image, connections, seconds });
      const gibibytes = traffic.bytes / GIB;
      return { value: gibibytes / traffic.seconds, work: gibibytes };
    },
  };
}
