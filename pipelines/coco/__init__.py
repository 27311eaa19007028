"""COCO's results and scores."""
