import { publicUrl, registryHost } from './endpoint.ts';
import type { RegistrySettings } from './registry-settings.ts';
import { DEFAULT_INITIAL_USER } from './render-config.ts';

/** What a person types next, ready to be pasted. */
export interface Usage {
  readonly url: string;
  readonly login: string;
  readonly push: string;
  readonly pull: string;
}

export function usage(settings: Pick<RegistrySettings, 'endpoint' | 'initialUser'>): Usage {
  const { endpoint, initialUser = DEFAULT_INITIAL_USER } = settings;
  const host = registryHost(endpoint);
  return {
    url: publicUrl(endpoint),
    login: `docker login --username ${initialUser} ${host}`,
    push: `docker tag my-image ${host}/team/my-image:1.0 && docker push ${host}/team/my-image:1.0`,
    pull: `docker pull ${host}/team/my-image:1.0`,
  };
}
