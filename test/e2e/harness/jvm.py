"""Options of a JVM that runs a broker or Kafka Connect."""
# it starts soon, which is what tests need
SMALL = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
# of Kafka's own start scripts: for measuring
SERVER = ("-Xms256M", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent")
