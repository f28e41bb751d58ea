"""Tests of tracking.job."""
