"""Controls that remember what came before: how often (``buckets``), how alike (``duplicates``), against oneself
(``self_match``), how much got executed (``executions``), how repeatedly (``repeats``). ``memory`` holds what they
remember and ``plan`` what is configured; where nothing is configured, nothing is remembered."""
