"""Results of tools kept by what they were made from, so that no call is made twice.

A key stands for everything that a result depends on (:mod:`.key`); an entry holds everything that
the toolbox goes on with (:mod:`.entry`); the store is a folder of files (:mod:`.store`).
"""

from cxr_agent.toolbox.cache.cache import CACHE_VARIABLE, LIMIT_VARIABLE, ResultCache, result_cache

__all__ = ["CACHE_VARIABLE", "LIMIT_VARIABLE", "ResultCache", "result_cache"]
