using System.Globalization;
using System.Text;

namespace Overlay.Daemon.Doctor;

/// <summary>A report for people.</summary>
internal static class DoctorText
{
    /// <summary>Formats a report: what was seen, then what is wrong, then what is not known.</summary>
    public static string Format(DoctorReport report)
    {
        StringBuilder text = new(report.Text);
        if (text.Length > 0)
        {
            text.Append('\n');
        }

        foreach (DoctorFinding finding in report.Findings)
        {
            text.Append(CultureInfo.InvariantCulture, $"finding {finding.Id} at {finding.Where}\n");
            text.Append(CultureInfo.InvariantCulture, $"  said      {finding.Said}\n");
            text.Append(CultureInfo.InvariantCulture, $"  expected  {finding.Expected}\n");
            text.Append(CultureInfo.InvariantCulture, $"  change    {finding.Change}\n");
        }

        foreach (string reason in report.Undecided)
        {
            text.Append(CultureInfo.InvariantCulture, $"undecided: {reason}\n");
        }

        return text.Append(CultureInfo.InvariantCulture, $"{report.Doctor} to {report.To}: {report.Verdict}\n").ToString();
    }
}
