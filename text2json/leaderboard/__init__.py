"""The leaderboard: entries made from run folders, sent to the Hub, verified and shown."""
