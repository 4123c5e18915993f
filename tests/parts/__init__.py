"""The real parts that tests run against: each file fetches one, starts it, and stops it cleanly.

What is fetched or built is kept in one directory between runs (cache). A part that this machine
cannot run skips its tests with a reason that people can act on.
"""
