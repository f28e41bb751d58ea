"""A live site -> a WARC file with each of its pages once, also if the crawl is killed and goes on."""
