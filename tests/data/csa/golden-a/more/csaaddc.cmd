TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csaaddc -j -o more/added more/cacct more/cacct-pug
