"""Where the server under test is."""

import os

URL = os.environ["LIVEKIT_URL"]
API_KEY = os.environ["LIVEKIT_API_KEY"]
API_SECRET = os.environ["LIVEKIT_API_SECRET"]
HTTP = URL.replace("ws", "http", 1)
