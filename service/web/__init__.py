"""Pages for people: what is served and how to query it, and one page per candidate.

``candidate``  what the page about one candidate shows
``routes``     the addresses: ``/`` and ``/candidate/ID.html``
"""
