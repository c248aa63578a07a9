/** What a request is allowed to do, as its token says. */
export interface GrantedAccess {
  /** The user's name; empty for nobody in particular. */
  readonly subject: string;
  allows(type: 'repository' | 'registry', name: string, action: string): boolean;
}

/**
 * What a route asks for, declared in its `config.access`; a route without it fails at start.
 *
 * - `public`: nothing at all
 * - `authenticated`: a valid token or password, with any scope or none
 * - `pull`, `push`, `delete`: the action on the repository that the path names
 * - `catalog`: `registry:catalog:*`
 */
export type RouteAccess = 'public' | 'authenticated' | 'pull' | 'push' | 'delete' | 'catalog';

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: RouteAccess;
  }
  interface FastifyRequest {
    /** Set before the handler runs. */
    access: GrantedAccess;
  }
}
