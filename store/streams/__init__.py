"""The table of streams: which id each name has, and where each stream is.

In: names, and appends that move streams on or are taken back.
Out: ids and revisions, in little memory however many streams there are.
"""
