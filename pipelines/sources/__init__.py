"""One file a kind of SOURCE: each lists clips, none opens them."""
