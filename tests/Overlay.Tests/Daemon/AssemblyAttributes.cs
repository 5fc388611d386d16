using System.Runtime.Versioning;

// overlayd runs on Linux only, and so do its tests.
[assembly: SupportedOSPlatform("linux")]
