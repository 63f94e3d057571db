TZ=UTC LC_ALL=C CSACONFIG=more/plain.conf csaverify -o /nonexistent/file -P damaged/badmagic
