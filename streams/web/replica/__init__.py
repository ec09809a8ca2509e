"""The dashboard's copy of the pipeline: compacted state with its offsets, then the tails of the topics.

Nothing is committed and no group is joined. What a restart reads is what is there: the board is a fold of the topics.
"""
