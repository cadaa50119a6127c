"""What the page for people reads: a second state, folded from the durable records, that no order waits for.

``replica`` folds, ``model`` follows the journal while somebody looks and puts the view together. Nothing here knows the
engine: an import contract says so.
"""
