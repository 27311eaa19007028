"""MediaPipe's pose solution over videos, for an environment that has it: prints frames and seconds as JSON.

Its usual loop: OpenCV decodes, frames become RGB, the model follows the person from frame to frame. The model of
middle complexity, which its package holds. Nothing is written.
"""

import json
import sys
import time

import cv2
import mediapipe


def main(files: list[str]) -> None:
    """Every frame of every file, clip after clip, in one graph that is reset between them."""
    pose = mediapipe.solutions.pose.Pose(model_complexity=1)
    _clip(pose, files[0])  # the first frames load the models
    frames, seen, started = 0, 0, time.perf_counter()
    for file in files:
        more = _clip(pose, file)
        frames, seen = frames + more[0], seen + more[1]
    print(json.dumps({"frames": frames, "seen": seen, "seconds": time.perf_counter() - started}))


def _clip(pose: mediapipe.solutions.pose.Pose, file: str) -> tuple[int, int]:
    """Frames of a file, and those in which somebody was seen."""
    pose.reset()
    video = cv2.VideoCapture(file, cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    frames = seen = 0
    while True:
        there, bgr = video.read()
        if not there:
            return frames, seen
        found = pose.process(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB))
        frames, seen = frames + 1, seen + (found.pose_landmarks is not None)


if __name__ == "__main__":
    main(sys.argv[1:])
