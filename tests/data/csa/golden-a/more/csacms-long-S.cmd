TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csacms -S --all-jobs --combine-commands --ascii more/spacct
