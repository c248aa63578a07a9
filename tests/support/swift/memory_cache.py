"""Stands in for memcached, where Swift keeps tokens: a dictionary is enough for one process."""

import time


class MemoryCache:
    """The methods of swift.common.memcached.MemcacheRing that the middlewares of proxy-server.conf call."""

    def __init__(self):
        self._entries = {}

    def get(self, key, raise_on_error=False):
        value, expires = self._entries.get(key, (None, None))
        if expires is not None and expires < time.time():
            del self._entries[key]
            return None
        return value

    def set(self, key, value, time=0, **_options):
        self._entries[key] = (value, _expiry(time))

    def incr(self, key, delta=1, time=0):
        value = max(0, int(self.get(key) or 0) + delta)
        self.set(key, value, time=time)
        return value

    def decr(self, key, delta=1, time=0):
        return self.incr(key, -delta, time=time)

    def delete(self, key, server_key=None):
        self._entries.pop(key, None)


def _expiry(seconds):
    return time.time() + seconds if seconds else None


def filter_factory(_global_conf, **_local_conf):
    cache = MemoryCache()

    def factory(app):
        def with_cache(environ, start_response):
            environ['swift.cache'] = cache
            return app(environ, start_response)

        return with_cache

    return factory
